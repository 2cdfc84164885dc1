# The sample models as an image volume: the tree of model_repo/ and nothing else.
FROM scratch
COPY model_repo/ /
