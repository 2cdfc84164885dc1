module trimtab.local/e2e/kubernetes

go 1.26.0
