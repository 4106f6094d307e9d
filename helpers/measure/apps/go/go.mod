module shipments

go 1.24
