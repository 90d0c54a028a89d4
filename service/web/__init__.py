"""The web role: verify and store deliveries on the public listener, show what happens on the private one.

Holds no credential but the webhook secrets, knows no engine and calls nobody.
"""
