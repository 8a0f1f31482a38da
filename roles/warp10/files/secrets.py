"""Create the server's secrets: a file of lines KEY = hex:… that only its owner can read.

Arguments: path, JSON object of key to number of bits.
"""

import json
import os
import secrets
import shutil
import sys
from pathlib import Path

path, bits_of_key = Path(sys.argv[1]), json.loads(sys.argv[2])
new = path.with_suffix(".new")
os.umask(0o077)
with new.open("w") as file:
    for key, bits in bits_of_key.items():
        file.write(f"{key} = hex:{secrets.token_hex(bits // 8)}\n")
    file.flush()
    os.fsync(file.fileno())
shutil.chown(new, "warp10", "warp10")
new.rename(path)
print(path)
