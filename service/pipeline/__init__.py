"""The way of a change: intake, then the stages build, promote and deploy, and the watches that wake them.

Called by the engine with ids; reads and writes the store; reaches the world only through ports.
"""
