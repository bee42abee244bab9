"""Tests of description, model and CIB."""
