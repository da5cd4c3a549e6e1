"""Reads one file with a Python client: `read.py tftp|tftpy ADDRESS PORT NAME PATH`."""

import sys


def main(client: str, address: str, port: str, name: str, path: str) -> None:
    """Exit 0 and the file is there."""
    if client == "tftp":
        import tftp

        tftp.TFTPClient(address, int(port)).download(name, path)
    else:
        import tftpy

        tftpy.TftpClient(address, int(port)).download(name, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
