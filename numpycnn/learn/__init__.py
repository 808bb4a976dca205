"""Learn how a CNN works: exercises with a judge that names the mistake.

``python -m numpycnn.learn`` lists everything. Nothing here compiles a kernel.
"""
