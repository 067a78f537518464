"""What a kernel knows of a connection, and how it is made to break it off, or to drop what comes."""

import ctypes
import fcntl
import socket
import struct
import termios

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends a reset
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
BPF_RET = 0x06  # with 0: keep no byte of a packet


def unacknowledged(sock: socket.socket) -> int:
    """Bytes sent that the kernel at the other end has not taken yet."""
    return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), "little")


def break_off(sock: socket.socket) -> None:
    """Close, so that the other end gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


def drop_all(sock: socket.socket) -> None:
    """Let the kernel drop whatever comes, and so acknowledge nothing."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RET, 0, 0, 0))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))  # socket(7)


def drop_nothing(sock: socket.socket) -> None:
    """Take back `drop_all`."""
    sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
