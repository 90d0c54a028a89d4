"""What a running set-up needs, and what is found of it. Pure; `service.pipeline.doctor` looks."""
