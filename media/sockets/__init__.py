"""What platforms send over their own sockets: each adapter turns one wire into one call's event stream."""
