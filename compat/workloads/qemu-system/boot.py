"""Write a boot sector that prints a line on the serial port and ends the machine."""

from pathlib import Path

TEXT = b"booted\n"
CODE = (
    # mov si, text; mov dx, 0x3f8
    bytes.fromhex("be 1d 7c ba f8 03")
    # next: mov al, cs:[si]; inc si; test al, al; jz end; out dx, al; jmp next
    + bytes.fromhex("2e 8a 04 46 84 c0 74 03 ee eb f5")
    # end: mov dx, 0x501; mov al, 16; out dx, al; hlt; jmp $
    + bytes.fromhex("ba 01 05 b0 10 ee f4 eb fe 90 90 90")
)
sector = CODE + TEXT + b"\0"
Path("disk").write_bytes(sector.ljust(510, b"\0") + b"\x55\xaa")
