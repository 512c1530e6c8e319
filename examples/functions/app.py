"""All of them, behind one door: ``gunicorn --worker-class gthread --threads 64 app:app``."""

import os

from documents import count_words, diary
from research import desk, panel, report
from shop import import_rows, order_status, order_tea, quote, refund

from remoteagent_lite.gateway import Gateway

app = Gateway(
    report,
    panel,
    desk,
    quote,
    order_status,
    refund,
    order_tea,
    import_rows,
    count_words,
    diary,
    os_id="functions",
    store=os.environ.get("STORE", "sqlite:///runs.db"),
)
