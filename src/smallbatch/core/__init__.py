"""What every other package may use: names of points, files, source code and machines."""
