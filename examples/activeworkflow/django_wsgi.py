"""The agents beside a Django site, in its wsgi.py: gunicorn --threads 4 django_wsgi:application.

They need nothing of Django, so they are put in front of it: no middleware, no CSRF exemption.
"""

import os

from agents import app as agents
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

application = agents.mount(get_wsgi_application())
