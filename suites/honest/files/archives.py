# Packs and unpacks by five methods.
import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib

text = b"All happy families are alike; each unhappy family is unhappy in its own way.\n" * 500
for module in (zlib, gzip, bz2, lzma):
    packed = module.compress(text)
    assert module.decompress(packed) == text
    print(module.__name__, len(packed))
with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("novel/one.txt", text)
with zipfile.ZipFile("a.zip") as archive:
    archive.extractall("unpacked")
buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
    archive.add("unpacked", "novel")
print(zipfile.ZipFile("a.zip").namelist(), len(buffer.getvalue()))
