"""Tracking with MLflow."""
