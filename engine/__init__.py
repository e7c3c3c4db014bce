"""The domain and the platform under it; imports no other package of ours."""
