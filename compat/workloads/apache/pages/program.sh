#!/bin/sh
printf 'Content-Type: text/plain\n\nquery %s\n' "$QUERY_STRING"
