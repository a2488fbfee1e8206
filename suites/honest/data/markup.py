# XML, HTML and settings files, read and written.
import configparser
import html.parser
import tomllib
import xml.etree.ElementTree as tree

shelf = tree.fromstring("<shelf><book year='1851'>Moby-Dick</book><book year='1865'>War and Peace</book></shelf>")
print([(book.text, book.get("year")) for book in shelf.iter("book")])


class Links(html.parser.HTMLParser):
    found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name == "href"]


Links().feed('<p>See <a href="one.html">one</a> and <a href="two.html">two</a></p>')
print(Links.found, tomllib.loads("[a]\nb = [1, 2]")["a"])
settings = configparser.ConfigParser()
settings.read_string("[server]\nport = 8080\n")
print(settings.getint("server", "port"))
