"""A file server that can hang: FUSE, spoken directly (kernel: include/uapi/linux/fuse.h).

    fuse_server.py MOUNTPOINT TYPE SOURCE IMAGE

mounts a filesystem with one file, `disk`, whose contents are those of IMAGE, and serves it until it
is killed. From SIGUSR1 on it answers no request any more, like a dead disk or server; from SIGUSR2
on it does so as soon as the superblock of an ext4 is written, the last that is; when it ends
the kernel fails all that waits for it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
import sys
import time

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC = (
    *(1, 2, 3, 4, 14, 15, 16, 17, 18, 20),
)
SUPERBLOCK = 1024
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 25, 26, 27, 28, 29, 36, 42
ROOT, DISK = 1, 2  # node IDs
DIRECT_IO = 1  # the kernel caches nothing of the file
HEADER = struct.Struct("<IIQQIIIHH")
ENOENT, ENOSYS = 2, 38


class Server:
    """One mounted filesystem."""

    def __init__(self, point: str, kind: str, source: str, image: str) -> None:
        self._image = os.open(image, os.O_RDWR)
        self._size = os.fstat(self._image).st_size
        self._device = os.open("/dev/fuse", os.O_RDWR)
        self.hangs = False
        self.hangs_at_the_end = False
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other"
        # Before the mount is to be seen, and somebody sends one.
        signal.signal(signal.SIGUSR1, self._hang)
        signal.signal(signal.SIGUSR2, self._hang_at_the_end)
        libc = ctypes.CDLL(None, use_errno=True)
        arguments = [text.encode() for text in (source, point, kind)]
        if libc.mount(*arguments, 0, options.encode()):
            raise OSError(ctypes.get_errno(), "mount")

    def _hang(self, *_: object) -> None:
        self.hangs = True

    def _hang_at_the_end(self, *_: object) -> None:
        self.hangs_at_the_end = True

    def serve(self) -> None:
        """Answer requests."""
        while True:
            request = os.read(self._device, 1 << 18)
            if self.hangs_at_the_end and self._is_of_the_superblock(request):
                self.hangs = True
            while self.hangs:
                time.sleep(3600)
            self._answer(request)

    @staticmethod
    def _is_of_the_superblock(request: bytes) -> bool:
        """Tell whether a request writes the 1024th byte of the image."""
        if HEADER.unpack_from(request)[1] != WRITE:
            return False
        _, offset, size = struct.unpack_from("<QQI", request, HEADER.size)
        return bool(offset <= SUPERBLOCK < offset + size)

    def _answer(self, request: bytes) -> None:
        _, opcode, unique, node, *_ = HEADER.unpack_from(request)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        result = self._result(opcode, node, request[HEADER.size :])
        error, body = (-result, b"") if isinstance(result, int) else (0, result)
        os.write(self._device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)

    def _result(self, opcode: int, node: int, body: bytes) -> bytes | int:
        """Return what to answer: a structure, or the number of an error."""
        if opcode == LOOKUP:
            found = struct.pack("<QQQQII", DISK, 0, 1, 1, 0, 0) + self._attributes(DISK)
            return found if body == b"disk\0" else ENOENT
        if opcode in (READ, WRITE):
            _, offset, size = struct.unpack_from("<QQI", body)
            if opcode == READ:
                return os.pread(self._image, size, offset)
            return struct.pack("<II", os.pwrite(self._image, body[40 : 40 + size], offset), 0)
        attributes = struct.pack("<QII", 0, 0, 0) + self._attributes(node)
        fixed = {
            INIT: struct.pack("<IIIIHHIIHHI28x", 7, 31, 65536, 0, 16, 12, 131072, 1, 32, 0, 0),
            GETATTR: attributes,
            SETATTR: attributes,
            OPEN: struct.pack("<QII", 0, DIRECT_IO, 0),
            OPENDIR: struct.pack("<QII", 0, 0, 0),
            STATFS: struct.pack("<QQQQQIIII24x", 100, 50, 50, 10, 10, 4096, 255, 4096, 0),
        }
        done = (READDIR, RELEASE, RELEASEDIR, FLUSH, FSYNC)
        return fixed.get(opcode, b"" if opcode in done else ENOSYS)

    def _attributes(self, node: int) -> bytes:
        mode, size = (0o100600, self._size) if node == DISK else (0o40755, 0)
        return struct.pack(
            "<6Q3I7I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0
        )


def main() -> None:
    server = Server(*sys.argv[1:5])
    try:
        server.serve()
    except OSError as error:
        if error.errno != errno.ENODEV:  # unmounted
            raise


if __name__ == "__main__":
    main()
