# One image for every part of the pipeline; docker-compose.yml says which part a container runs.
FROM python:3.12.12-slim-trixie

RUN useradd --system --uid 10001 --create-home assure \
 && install -d -o assure -g assure /var/lib/assure
WORKDIR /opt/assure

COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements.lock

COPY . .
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation .

USER assure
WORKDIR /var/lib/assure
ENTRYPOINT ["assure"]
CMD ["--help"]
