"""The gateway below a Django site: put this into its wsgi.py."""

from app import app as gateway
from django.core.wsgi import get_wsgi_application
from werkzeug.middleware.dispatcher import DispatcherMiddleware

application = DispatcherMiddleware(get_wsgi_application(), {"/agents": gateway})
