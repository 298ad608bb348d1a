"""The steps of the example workflow, *Procesamiento de Documentos*."""
