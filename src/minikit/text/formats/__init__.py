"""Files whose texts can be translated: cut into segments, and put together again."""
