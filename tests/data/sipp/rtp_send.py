"""rtp_send.py HOST PORT FILE.ulaw PAYLOAD_TYPE: sends a file of G.711 as RTP, 20 ms a packet, in real time."""

import random
import socket
import struct
import sys
import time

host, port, path, payload_type = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
with open(path, "rb") as file:
    sound = file.read()
ssrc, due = random.getrandbits(32), time.monotonic()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
    for at in range(0, len(sound) - 159, 160):
        header = struct.pack("!BBHII", 0x80, payload_type, (at // 160) & 0xFFFF, at, ssrc)
        out.sendto(header + sound[at : at + 160], (host, port))
        due += 0.02
        time.sleep(max(0.0, due - time.monotonic()))
