# Letters from a template, wrapped, compared and shown side by side.
import difflib
import string
import textwrap

letter = string.Template("Dear $name, thank you for your order of $count $thing. " * 3)
texts = [letter.substitute(name=name, count=count, thing="books") for name, count in (("Ada", 3), ("Alan", 12))]
for text in texts:
    print(textwrap.fill(text, 60), end="\n\n")
print("\n".join(difflib.unified_diff(*(textwrap.wrap(text, 40) for text in texts), lineterm="")))
