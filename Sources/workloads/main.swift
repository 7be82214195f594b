import CWorkload
free(malloc(64))
