"""The gateway below a Flask application: ``flask --app flask_app run``."""

from app import app as gateway
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

app = Flask(__name__)
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/agents": gateway})


@app.get("/")
def index():
    return "The gateway is at /agents."
