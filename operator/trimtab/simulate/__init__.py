"""A fleet played request by request, steered by the operator's own decision or by a peer's rule."""
