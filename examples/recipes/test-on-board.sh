#!/bin/sh
# Stands for what a job does with the board that it got.
echo "testing $RENTABOT_RESOURCE at $RENTABOT_ENDPOINT"
