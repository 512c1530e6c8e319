"""A2A, protocol 0.3 and 1.0. No I/O.

Everything inside speaks one form: the JSON of protocol 1.0, as plain dicts. Codecs translate it to
and from what an interface speaks; cards, content and the fold know nothing of dialects.
"""
