# A program of several files, as pupils write them: a package made, imported, and run as a program.
import runpy
import sys
from pathlib import Path

Path("shop").mkdir()
Path("shop/__init__.py").write_text("VAT = 0.2\n")
Path("shop/prices.py").write_text("from . import VAT\n\ndef gross(net):\n    return round(net * (1 + VAT), 2)\n")
Path("shop/__main__.py").write_text("from .prices import gross\nprint(gross(10))\n")
sys.path.insert(0, ".")
from shop.prices import gross

assert gross(5) == 6
runpy.run_module("shop")
runpy.run_module("shop", run_name="__main__")
