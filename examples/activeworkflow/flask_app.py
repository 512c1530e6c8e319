"""The agents below a Flask application: ``flask --app flask_app run``."""

from agents import app as agents
from flask import Flask

app = Flask(__name__)
app.register_blueprint(agents.blueprint())


@app.get("/")
def index():
    return "The agents are at /agents."
