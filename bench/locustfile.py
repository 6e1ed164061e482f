"""The same journey for Locust's fastest client; every journey is a new customer without cookies."""

from __future__ import annotations

from locust import FastHttpUser, task


class Customer(FastHttpUser):
    @task
    def buy(self) -> None:
        self.client.client.cookiejar.clear()
        self.client.get("/")
        self.client.get("/products/7", name="product")
        self.client.post("/cart", json={"product": 7})
        self.client.post("/checkout", json={"cart": 7})
