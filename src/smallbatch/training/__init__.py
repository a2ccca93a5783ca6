"""The training engine: fleets of replicas, trained together."""
