"""SipHash-2-4 (doi:10.1007/978-3-642-34931-7_28), the hash of Warp 10's identifiers."""

from __future__ import annotations

MASK = (1 << 64) - 1


def turned(number: int, by: int) -> int:
    """Return 64 bits turned to the left."""
    return (number << by | number >> 64 - by) & MASK


def rounds(v: list[int], count: int) -> None:
    """Mix the four words of the state."""
    for _ in range(count):
        v[0] = v[0] + v[1] & MASK
        v[2] = v[2] + v[3] & MASK
        v[1] = turned(v[1], 13) ^ v[0]
        v[3] = turned(v[3], 16) ^ v[2]
        v[0] = turned(v[0], 32)
        v[2] = v[2] + v[1] & MASK
        v[0] = v[0] + v[3] & MASK
        v[1] = turned(v[1], 17) ^ v[2]
        v[3] = turned(v[3], 21) ^ v[0]
        v[2] = turned(v[2], 32)


def siphash(key: bytes, data: bytes) -> int:
    """Return the 64-bit hash of `data` under a key of 16 bytes."""
    k0, k1 = (int.from_bytes(half, "little") for half in (key[:8], key[8:]))
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) % 256])
    for begin in range(0, len(padded), 8):
        word = int.from_bytes(padded[begin : begin + 8], "little")
        v[3] ^= word
        rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
