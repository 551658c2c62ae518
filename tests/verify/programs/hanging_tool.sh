#!/bin/sh
# A tool that ignores signals and leaves a detached child.
trap '' INT TERM
setsid sleep 1000 &
sleep 1000
