"""The conformance test for agents."""
