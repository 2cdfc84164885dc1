# Triton with what the sample models' Python wrapper needs. Without a GPU it serves on the CPU.
ARG BASE_IMAGE=nvcr.io/nvidia/tritonserver:25.10-py3
FROM ${BASE_IMAGE}
RUN python3 -m pip install --no-cache-dir onnxruntime==1.32.0 pillow==13.0.0 tokenizers==0.23.3
