"""The images behind FROM: here, pulled, or a stand-in; and the offline kit of them."""
