"""How long it is: vocabularies, text, chat, tools, images."""
