#!/bin/sh
tail -n +4 "$0"
exit 0
