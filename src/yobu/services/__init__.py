"""The rooms: AWS's services, side by side. None looks at another."""
