"""Write the macro that returns the read token, if it changed.

Arguments: file of the token, file of the macro, text of the macro.
"""

import os
import shutil
import sys
from pathlib import Path

token, macro, text = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
text = text.replace("@TOKEN@", token.read_text().strip()) + "\n"
if not macro.exists() or macro.read_text() != text:
    os.umask(0o077)
    new = macro.with_suffix(".new")
    new.write_text(text)
    shutil.chown(new, "warp10", "warp10")
    new.rename(macro)
    print(macro)
