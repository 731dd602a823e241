#!/bin/sh
# What needs GPUs. It sees only those that it holds.
echo "$1: training on GPUs $CUDA_VISIBLE_DEVICES, which are $RENTABOT_RESOURCES"
