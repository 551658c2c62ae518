exec start ipython --no-banner --colors=NoColor session.ipy
