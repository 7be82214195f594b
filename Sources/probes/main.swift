print("probes")
