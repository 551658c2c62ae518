"""The only page of the site."""

import os

from django.http import HttpRequest, HttpResponse
from django.urls import path


def tell_worker(_request: HttpRequest) -> HttpResponse:
    """Answer with the pid of the worker."""
    return HttpResponse(str(os.getpid()), content_type="text/plain")


urlpatterns = [path("", tell_worker)]
