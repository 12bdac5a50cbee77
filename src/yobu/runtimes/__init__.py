"""One file or folder for each language family. What runs inside an environment imports nothing from yobu."""
