# Texts of many scripts: folded, ordered, encoded, counted, and right to left.
import unicodedata

for text in ("Straße", "Ελλάδα", "日本語", "עברית", "नमस्ते", "👩‍🚀 🏳️‍🌈", "e\u0301"):
    folded = unicodedata.normalize("NFC", text.casefold())
    assert text.encode("utf-8").decode("utf-8") == text
    print(text, len(text), len(text.encode()), folded, unicodedata.name(text[0]))
open("größe.txt", "w", encoding="utf-8").write("ü\n")
print(open("größe.txt", encoding="utf-8").read().strip())
