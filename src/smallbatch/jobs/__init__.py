"""What a job does: train what is missing, store it; then collect."""
