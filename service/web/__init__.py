"""The web role: verify and store deliveries on the public listener, show what happens on the private one.

It has no credentials except the webhook secrets, does not use the engine, and calls nobody.
"""
