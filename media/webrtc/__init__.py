"""The browser's side of sound: ICE-lite, DTLS-SRTP and raw RTP payloads, without a codec or a buffer on the way."""
